/** An SMTP server and how to log in there. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `starttls`: encrypted after the greeting, or not sent. `tls`: from the first byte. `off`: never. */
  readonly tls: "starttls" | "tls" | "off";
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

const timeoutMs = 15_000;

/** Sends a mail by SMTP. The library is loaded by the first one. @throws Error in the server's words. */
export async function sendMail({ host, port, username, password, tls }: MailServer, mail: Mail): Promise<void> {
  const { createTransport } = await import("nodemailer");
  const transport = createTransport({
    host,
    port,
    secure: tls === "tls",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "off",
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? "" } }),
    // A message has neither files nor pages.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({ ...mail, to: [...mail.to] });
  } finally {
    transport.close();
  }
}
