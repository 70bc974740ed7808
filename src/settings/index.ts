export {
  choice,
  duration,
  flag,
  flagPattern,
  formatDuration,
  integer,
  isTrueText,
  leaf,
  leafInfos,
  lifetime,
  parseDuration,
  path,
  percent,
  printValue,
  secret,
  size,
  text,
  texts,
  usdRate,
  type LeafInfo,
  type LeafKind,
} from "./leaf-types.ts";
export { limitKinds, limitValues, mostOfLimit, readLimitValues, type LimitKind, type LimitValues } from "./limit-values.ts";
export { ConfigError, createProblem, createMessageProblem, describeValue, type Origin, type Problem } from "./problems.ts";
export { resolvePath, type PathBase } from "./resolve-path.ts";
export { formatPath, isTree, type Path, type Tree, type Value } from "./value.ts";
