// The gateway is loaded as it is: it must not become part of a bundle.
export default { serverExternalPackages: ["tokligence"] };
