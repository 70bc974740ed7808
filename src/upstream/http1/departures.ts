/** Something that begins at the end of a turn of the event loop. */
export interface Departing {
  depart(): void;
}

/**
 * Lets requests on used connections wait until all sockets that are ready in this turn of the event loop have been read, with one callback for all of them.
 */
export class Departures {
  #waiting: Departing[] = [];

  readonly #run = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const departing of waiting) departing.depart();
  };

  add(departing: Departing): void {
    if (this.#waiting.push(departing) === 1) setImmediate(this.#run);
  }
}
