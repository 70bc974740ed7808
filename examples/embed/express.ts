import express from "express";
import { createGateway } from "tokligence";

// The configuration file is the one that the command line uses. `settings` is in its place, or above it.
const gateway = await createGateway();
if (gateway.apiKey !== undefined) console.log(`The admin's key, shown this once: ${gateway.apiKey}`);

const app = express();
// Before any body parser: the gateway reads bodies itself. Express cuts `/ai` off.
app.use("/ai", gateway.handler);
app.use(express.json());
app.get("/", (_request, response) => {
  response.send("The application itself.");
});

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`listening on ${JSON.stringify(server.address())}`);
});

// The gateway takes no signals: the application decides when it ends.
process.once("SIGTERM", () => {
  server.close();
  void gateway.close({ graceMs: 10_000 });
});
