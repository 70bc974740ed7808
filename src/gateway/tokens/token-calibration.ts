import { createBoundedCache } from "../../core/index.ts";

/**
 * How far the gateway's estimates of input tokens are off, by provider and model: learned from the usage that the provider reports. In memory and
 * bounded; a process that starts knows nothing and corrects nothing.
 */
export interface TokenCalibration {
  /** An estimate as this model's own count is likely to be: a whole number. */
  correct(provider: string, model: string, estimate: number): number;
  /** Whether this request of the model, `sizeBytes` long, is worth the work of an estimate: asked once for each, as it counts them. */
  wants(provider: string, model: string, sizeBytes: number): boolean;
  /** The estimate of a request, uncorrected, and the input tokens that the provider reported for it. */
  observe(provider: string, model: string, estimate: number, actual: number): void;
}

interface Ratio {
  estimated: number;
  actual: number;
  /** How often it was asked whether to observe; not counted further than `firstLooks`. */
  asked: number;
  /** Bytes of the requests since the last look. */
  bytes: number;
}

const maxModels = 1_000;
/** So much of what was learned is kept with each observation: about the last ten count. */
const memory = 0.9;
/** What an unknown model is taken to have been observed at, without an error, in tokens: a first short prompt does not decide everything. */
const priorTokens = 200;
/** A ratio beyond these is no tokenizer's: the request was not what was counted. */
const minRatio = 0.2;
const maxRatio = 5;
/**
 * The first `firstLooks` requests of a model are all looked at, then one when `lookEvery` times its own bytes have passed: what an estimate costs grows with the bytes, so long
 * requests are looked at more rarely than the short ones among them, and all looks together cost a small part of the requests, however long those are.
 */
const firstLooks = 4;
const lookEvery = 256;

export function createTokenCalibration(): TokenCalibration {
  const ratios = createBoundedCache<Ratio>(maxModels);
  // Most requests are for the model of the one before: a key that is not made anew has its hash already.
  let last = { provider: "", model: "", key: "" };
  const keyOf = (provider: string, model: string): string => {
    if (provider !== last.provider || model !== last.model) last = { provider, model, key: `${provider}\n${model}` };
    return last.key;
  };
  const find = (provider: string, model: string): Ratio => {
    const known = ratios.get(keyOf(provider, model));
    if (known !== undefined) return known;
    const fresh = { estimated: priorTokens, actual: priorTokens, asked: 0, bytes: 0 };
    ratios.set(keyOf(provider, model), fresh);
    return fresh;
  };
  return {
    correct(provider, model, estimate) {
      const ratio = ratios.get(keyOf(provider, model));
      return Math.round(ratio === undefined ? estimate : (estimate * ratio.actual) / ratio.estimated);
    },
    wants(provider, model, sizeBytes) {
      const ratio = find(provider, model);
      if (ratio.asked < firstLooks) {
        ratio.asked += 1;
        return true;
      }
      ratio.bytes += sizeBytes;
      if (ratio.bytes < sizeBytes * lookEvery) return false;
      ratio.bytes = 0;
      return true;
    },
    observe(provider, model, estimate, actual) {
      if (!(estimate > 0) || !(actual > 0)) return;
      const ratio = find(provider, model);
      const bounded = Math.min(maxRatio, Math.max(minRatio, actual / estimate));
      ratio.estimated = ratio.estimated * memory + estimate;
      ratio.actual = ratio.actual * memory + estimate * bounded;
    },
  };
}
