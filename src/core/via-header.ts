/** The header in which a caller of the admin API says through what it calls, for the log and the audit trail. It gives no rights. */
export const viaHeader = "x-tokligence-via";
