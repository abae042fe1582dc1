/** The pickle operations that torch.save writes. */
import type { PickleMachine } from "./pickle-machine.ts";
import { PickleError } from "./pickle-values.ts";

const MAX_PROTOCOL = 5;

export type Operation = (this: PickleMachine) => void;

/** By code; the names are those of Python's pickletools. */
export const operations: Readonly<Record<number, Operation>> = {
  /** PROTO */
  128() {
    const protocol = this.u8();
    if (protocol > MAX_PROTOCOL)
      throw new PickleError(`is of pickle protocol ${protocol}; ${MAX_PROTOCOL} is the highest known`);
  },
  /** FRAME */
  149() {
    this.u64();
  },
  /** MARK */
  40() {
    this.pushMark();
  },
  /** NONE, NEWTRUE, NEWFALSE */
  78() {
    this.push(null);
  },
  136() {
    this.push(true);
  },
  137() {
    this.push(false);
  },
  /** BININT, BININT1, BININT2, LONG1, BINFLOAT */
  74() {
    this.push(this.i32());
  },
  75() {
    this.push(this.u8());
  },
  77() {
    this.push(this.u16());
  },
  138() {
    this.push(this.long(this.u8()));
  },
  71() {
    this.push(this.f64());
  },
  /** BINUNICODE, SHORT_BINUNICODE, BINUNICODE8 */
  88() {
    this.push(this.text(this.u32()));
  },
  140() {
    this.push(this.text(this.u8()));
  },
  141() {
    this.push(this.text(this.u64()));
  },
  /** EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE */
  125() {
    this.push(new Map());
  },
  93() {
    this.push([]);
  },
  41() {
    this.push([]);
  },
  /** TUPLE, TUPLE1, TUPLE2, TUPLE3 */
  116() {
    this.push(this.popToMark());
  },
  133() {
    this.push(this.popN(1));
  },
  134() {
    this.push(this.popN(2));
  },
  135() {
    this.push(this.popN(3));
  },
  /** SETITEM, SETITEMS, APPEND, APPENDS */
  115() {
    this.setItems(this.popN(2));
  },
  117() {
    this.setItems(this.popToMark());
  },
  97() {
    this.append(this.popN(1));
  },
  101() {
    this.append(this.popToMark());
  },
  /** BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET */
  113() {
    this.memoPut(this.u8());
  },
  114() {
    this.memoPut(this.u32());
  },
  148() {
    this.memoPut();
  },
  104() {
    this.memoGet(this.u8());
  },
  106() {
    this.memoGet(this.u32());
  },
  /** GLOBAL, STACK_GLOBAL */
  99() {
    const module = this.line();
    this.global(module, this.line());
  },
  147() {
    const [module, name] = this.popN(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw new PickleError("names a function by a value that is not text");
    this.global(module, name);
  },
  /** BINPERSID, REDUCE, BUILD */
  81() {
    this.persistent();
  },
  82() {
    this.reduce();
  },
  98() {
    this.build();
  },
};
