import { hash, randomBytes } from 'node:crypto';

/** Known to this process alone: clients that choose their topics cannot choose two sets to be the same. */
const secret = randomBytes(32).toString('hex');

const lanes = 4;

/**
 * Tells sets of strings apart by 128 bits that change with each string that comes or goes, whatever else is in the set:
 * the sum, without carry, of a keyed hash of each.
 */
export class SetIdentity {
  /** Made when it is asked for first, unless a single string says it all. */
  private sum: Int32Array | undefined;
  private text: string | undefined;

  /** A string has been added, or taken out. */
  change(member: string): void {
    this.text = undefined;
    if (this.sum) add(this.sum, member);
  }

  /** @param members the strings that there are now */
  of(members: ReadonlySet<string>): string {
    return (this.text ??= this.print(members));
  }

  private print(members: ReadonlySet<string>): string {
    if (members.size <= 1) for (const only of members) return only;
    if (!this.sum) {
      this.sum = new Int32Array(lanes);
      for (const member of members) add(this.sum, member);
    }
    return `${members.size} ${this.sum.join(' ')}`;
  }
}

function add(sum: Int32Array, member: string): void {
  const digest = hash('sha1', secret + member, 'hex');
  for (let lane = 0; lane < lanes; lane++)
    sum[lane]! ^= Number.parseInt(digest.slice(8 * lane, 8 * lane + 8), 16);
}
