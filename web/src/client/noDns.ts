/** Stands for Node's resolver, which the XMPP library names and a browser never asks. */
export default {};
