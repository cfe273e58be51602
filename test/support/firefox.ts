import { existsSync } from 'node:fs';
import { launch, type Browser } from 'puppeteer-core';

const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

/** A headless Firefox of the system, which takes every certificate: nothing is downloaded. */
export async function launchFirefox(): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no Firefox at ${executablePath}. Install the package "firefox-esr" (npm run requirements does it` +
        ' where it can), or set the environment variable FIREFOX to the path of the program.',
    );
  }
  // A busy machine takes its time.
  const timeout = 120_000;
  return launch({ browser: 'firefox', executablePath, headless: true, acceptInsecureCerts: true, timeout });
}
