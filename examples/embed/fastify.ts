import Fastify from "fastify";
import { createGateway } from "tokligence";

const gateway = await createGateway({ basePath: "/ai" });
if (gateway.apiKey !== undefined) console.log(`The admin's key, shown this once: ${gateway.apiKey}`);

const app = Fastify();
app.get("/", () => "The application itself.");
await app.register(async (scope) => {
  // The gateway reads bodies itself.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/ai/*", (request, reply) => {
    reply.hijack();
    gateway.handler(request.raw, reply.raw);
  });
});
app.addHook("onClose", () => gateway.close({ graceMs: 10_000 }));

await app.listen({ port: Number(process.env["PORT"] ?? 3000), host: "127.0.0.1" });
console.log(`listening on ${JSON.stringify(app.server.address())}`);
process.once("SIGTERM", () => void app.close());
