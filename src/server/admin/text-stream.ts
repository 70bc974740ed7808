/** A text answer that may be long: it is made while it is sent, as fast as the client reads. */
export class TextStream {
  /** With its parameters. */
  readonly contentType: string;
  /** What a browser saves it as. */
  readonly fileName: string;
  readonly chunks: AsyncIterable<string>;

  constructor(contentType: string, fileName: string, chunks: AsyncIterable<string>) {
    this.contentType = contentType;
    this.fileName = fileName;
    this.chunks = chunks;
  }
}
