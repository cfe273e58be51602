import { hash, randomBytes } from 'node:crypto';

/** Only this process knows it: a client cannot choose topics so that two different sets have the same identity. */
const secret = randomBytes(32).toString('hex');

/** The 32-bit words of a sum. */
const words = 4;

/**
 * An identity of a set of strings: 128 bits, the XOR of a keyed hash of each string. Adding or removing a string costs the
 * same however large the set is.
 */
export class SetIdentity {
  /** Made on demand. A set of one string needs none: its identity is that string. */
  private sum: Int32Array | undefined;
  private text: string | undefined;

  /** Has to be called when a string was added to the set, or removed from it. */
  change(member: string): void {
    this.text = undefined;
    if (this.sum) add(this.sum, member);
  }

  /** The identity of the set. @param members the strings that are in it now */
  of(members: ReadonlySet<string>): string {
    return (this.text ??= this.print(members));
  }

  private print(members: ReadonlySet<string>): string {
    if (members.size <= 1) for (const only of members) return only;
    if (!this.sum) {
      this.sum = new Int32Array(words);
      for (const member of members) add(this.sum, member);
    }
    return `${members.size} ${this.sum.join(' ')}`;
  }
}

function add(sum: Int32Array, member: string): void {
  const digest = hash('sha1', secret + member, 'hex');
  for (let word = 0; word < words; word++)
    sum[word]! ^= Number.parseInt(digest.slice(8 * word, 8 * word + 8), 16);
}
