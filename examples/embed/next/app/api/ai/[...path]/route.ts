import { gateway } from "../../../../lib/gateway";

async function handle(request: Request): Promise<Response> {
  return (await gateway()).fetch(request);
}

export { handle as DELETE, handle as GET, handle as PATCH, handle as POST };
export const dynamic = "force-dynamic";
