/** The address of a channel, as AsyncAPI writes it, and its parameters. */
export interface ChannelAddress {
  /** `orders.{id}` */
  readonly address: string;
  readonly parameters: Readonly<Record<string, { readonly description: string }>>;
}

const oneToken = 'One token of the topic.';
const allTokens = 'One or more tokens of the topic, joined by dots.';

/**
 * The address of the topics that a pattern matches: `orders.{id}` for `orders.:id`, `orders.{token}` for `orders.*`, `orders.{rest}`
 * for `orders.>`.
 *
 * @param patterns the pattern as it was declared, once or several times: the first name of a token holds
 */
export function addressOf(...patterns: readonly string[]): ChannelAddress {
  const declared = patterns.map((pattern) => pattern.split('.'));
  const tokens = declared[0]!;
  const wildcards = tokens.filter((token) => token === '*' || token.startsWith(':')).length;
  const parameters: Record<string, { description: string }> = {};
  const parameter = (wanted: string, description: string) => {
    const base = nameOf(wanted.replaceAll('.', '_'));
    let name = base;
    for (let n = 2; name in parameters; n++) name = `${base}${n}`;
    parameters[name] = { description };
    return `{${name}}`;
  };
  const parts = tokens.map((token, index) => {
    if (token === '>') return parameter('rest', allTokens);
    if (token !== '*' && !token.startsWith(':')) return token;
    const named = declared.map((each) => each[index]!).find((each) => each.startsWith(':'));
    return parameter(named?.slice(1) ?? (wildcards > 1 ? `token${index + 1}` : 'token'), oneToken);
  });
  return { address: parts.join('.'), parameters };
}

/** A path of Nest, which may have parameters (`/:tenant/push`), as an address. */
export function pathAddressOf(path: string): ChannelAddress {
  const parameters: Record<string, { description: string }> = {};
  const address = path.replace(/:(\w+)/g, (_, name: string) => {
    parameters[name] = { description: 'One segment of the path.' };
    return `{${name}}`;
  });
  return { address, parameters };
}

/** The name of a channel in the document: its address, without what a name cannot have. */
export function channelNameOf(address: string): string {
  return nameOf(address.replace(/[{}]/g, ''));
}

/** What a document, and an object of JavaScript, can have as a name. */
function nameOf(text: string): string {
  const name = text.replace(/[^\w.-]/g, '_');
  return name === '__proto__' ? 'proto' : name;
}
