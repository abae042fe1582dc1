/** Reads the pickles of torch.save. Ours, not a library: only dictionaries of tensors pass the allow-list, within limits. */
import { PickleMachine } from "./pickle-machine.ts";
import { operations } from "./pickle-operations.ts";
import { PickleError, type PickleValue } from "./pickle-values.ts";

const STOP = 0x2e;
/**
 * Most operations: a tensor takes about 50, so these are 40,000 tensors. An operation of one byte can make a dictionary of
 * 200, so a limit on only the pickle's bytes would let it fill gigabytes.
 */
const MAX_OPERATIONS = 2_000_000;

/**
 * @returns what the pickle holds
 * @throws PickleError naming the operation, type or function that is not allowed, or the place where it ends too early
 */
export function unpickle(bytes: Uint8Array): PickleValue {
  const machine = new PickleMachine(bytes);
  for (let count = 0; count < MAX_OPERATIONS; count++) {
    const at = machine.position;
    const code = machine.u8();
    if (code === STOP) return machine.result();
    const operation = operations[code];
    if (operation === undefined) {
      const name = `0x${code.toString(16).padStart(2, "0")}`;
      throw new PickleError(
        `contains the pickle operation ${name} at byte ${at}, which no dictionary of tensors needs`,
      );
    }
    operation.call(machine);
  }
  throw new PickleError(`has more than ${MAX_OPERATIONS} operations`);
}
