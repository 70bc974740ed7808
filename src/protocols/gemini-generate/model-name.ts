import { GatewayError } from "../../core/index.ts";

/** The name without the collection `models/`, which is optional. `tunedModels/` is part of the name. */
export function bareModel(name: string): string {
  return name.startsWith("models/") ? name.slice("models/".length) : name;
}

/** The resource of a model: `models/…` or `tunedModels/…`. */
export function modelResource(model: string): string {
  return model.startsWith("models/") || model.startsWith("tunedModels/") ? model : `models/${model}`;
}

/** The resource as a path: every segment is percent-encoded, slashes are kept. @throws GatewayError `invalid_path`. */
export function modelPath(model: string): string {
  const segments = modelResource(model).split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw new GatewayError("invalid_path", 'Invalid value at "model": a name in a path must not contain empty or dotted segments.', {
      param: "model",
    });
  }
  return segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join("/");
}
