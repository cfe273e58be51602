import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./target.mjs', import.meta.url));

/** An application under attack: see target.mjs. */
export class Target {
  #answers = [];
  #child;
  port = 0;
  isSecure;

  /** @param options of target.mjs */
  static async start(options) {
    const target = new Target(options);
    await target.#listening;
    return target;
  }

  #listening;

  constructor(options) {
    this.isSecure = options.tls !== undefined;
    const args = ['--expose-gc', program, JSON.stringify(options)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#listening = new Promise((resolve, reject) => {
      this.#child.once('exit', (code, signal) => {
        const error = new Error(`The application under attack has died (${signal ?? code}).`);
        reject(error);
        for (const answer of this.#answers.splice(0)) answer.reject(error);
      });
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const [kind, rest] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
        if (kind === 'port') {
          this.port = Number(rest);
          resolve();
        } else if (kind === 'answer') this.#answers.shift()?.resolve(JSON.parse(rest));
      });
    });
  }

  url(path) {
    return `http${this.isSecure ? 's' : ''}://127.0.0.1:${this.port}${path}`;
  }

  get webSocketUrl() {
    return this.url('/push').replace(/^http/, 'ws');
  }

  /** Runs a command of target.mjs. */
  ask(command, options = {}) {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return Promise.reject(new Error('The application under attack is dead.'));
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ command, ...options })}\n`);
    });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
