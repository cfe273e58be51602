import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The user name of the login. */
const user = 'push';

/**
 * The login of the dashboard. Its password is made for this start of the desk and printed, nowhere else. `DASHBOARD_PASSWORD`
 * sets another one: processes that are one desk have to have the same.
 */
export class Login {
  private readonly chosen = process.env.DASHBOARD_PASSWORD;
  private readonly password = this.chosen || randomBytes(18).toString('base64url');
  private readonly expected = digest(`${user}:${this.password}`);

  /** Whether an `Authorization` header has it (RFC 7617). It takes as long for a wrong one, however wrong that is. */
  isIn(header: string | undefined): boolean {
    const [, credentials = ''] = /^Basic +([\w+/]+=*)$/i.exec(header ?? '') ?? [];
    return timingSafeEqual(digest(Buffer.from(credentials, 'base64')), this.expected);
  }

  /** For the terminal of the one who has started the desk. */
  describe(): string {
    return `user ${user}, password ${this.chosen ? 'as in DASHBOARD_PASSWORD' : this.password}`;
  }
}

/** Digests have one length, whatever they are of. */
function digest(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
