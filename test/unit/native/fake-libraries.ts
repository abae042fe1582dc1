/** The first bytes of libraries of every system. */
export function elf(machine: number, bigEndian = false): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write("\x7fELF", "latin1");
  bytes[4] = 2;
  bytes[5] = bigEndian ? 2 : 1;
  bigEndian ? bytes.writeUInt16BE(machine, 18) : bytes.writeUInt16LE(machine, 18);
  return bytes;
}

export function mach(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(machine, 4);
  return bytes;
}

export function universal(...machines: number[]): Buffer {
  const bytes = Buffer.alloc(8 + 20 * machines.length);
  bytes.writeUInt32BE(0xcafebabe, 0);
  bytes.writeUInt32BE(machines.length, 4);
  machines.forEach((machine, i) => void bytes.writeUInt32BE(machine, 8 + 20 * i));
  return bytes;
}

export function pe(machine: number, start = 128): Buffer {
  const bytes = Buffer.alloc(start + 24);
  bytes.write("MZ", "latin1");
  bytes.writeUInt32LE(start, 0x3c);
  bytes.write("PE\0\0", start, "latin1");
  bytes.writeUInt16LE(machine, start + 4);
  return bytes;
}

export const ARM_MAC = 0x0100000c;
export const INTEL_MAC = 0x01000007;
