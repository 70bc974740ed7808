const prefix = "mkt_";

/** The user that stands for another gateway that buys here. No account has such an id; its entries have the direction `supply`. */
export function supplyUserId(node: string): string {
  return prefix + node;
}

export function isSupplyUser(userId: string): boolean {
  return userId.startsWith(prefix);
}

/** A pattern of SQL's `like` for such users; `!` escapes. */
export const supplyUsersLike = "mkt!_%";
