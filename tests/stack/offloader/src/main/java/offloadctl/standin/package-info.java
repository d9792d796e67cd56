/**
 * TEST ONLY: a stand-in for Pulsar's jcloud offloader, which is in no package registry.
 *
 * <p>It writes the objects that Pulsar 4.0.7 writes, in the same steps, with the same flaws (a ledger cut
 * short by an entry larger than a block; a run that never ends because credentials are missing), so that a
 * broker built from registries alone can be tested against. It is not an offloader for production.
 */
package offloadctl.standin;
