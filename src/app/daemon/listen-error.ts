/** Why a port cannot be listened on, with what to do. Anything unknown is given back as it is. */
export function explainListenError(error: unknown, host: string, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new Error(
        `Port ${port} on ${host} is taken by another program. Set gateway.port in the configuration, or start with \`--port\` and a free one.`,
        { cause: error },
      );
    case "EACCES":
      return new Error(`Port ${port} on ${host} needs more rights than this process has. Use a port above 1023.`, { cause: error });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new Error(`gateway.host: "${host}" is no address of this machine.`, { cause: error });
    default:
      return error;
  }
}
