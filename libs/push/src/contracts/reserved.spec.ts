import { countTopicOf, mayHavePresence, memberTopicOf, presenceOf, presenceTopicOf } from './reserved.js';

describe('Topics of presence', () => {
  it('name a topic and a member, or a topic and the node that counts there', () => {
    expect(presenceTopicOf(memberTopicOf('rooms.42', 'm'))).toEqual({ topic: 'rooms.42', member: 'm' });
    expect(presenceTopicOf(countTopicOf('rooms.42', 'n'))).toEqual({ topic: 'rooms.42', counter: 'n' });
    expect(presenceTopicOf('rooms.42.m')).toBeUndefined();
  });

  it.each([
    ['rooms.42', true],
    ['r'.repeat(215), true],
    ['r'.repeat(216), false],
    [Array.from({ length: 29 }, () => 'r').join('.'), true],
    [Array.from({ length: 30 }, () => 'r').join('.'), false],
    ['$presence.rooms.42', false],
    ['rooms.$count', false],
    ['$count.rooms', false],
  ])('%s has room for them: %s', (topic, hasRoom) => {
    expect(mayHavePresence(topic)).toBe(hasRoom);
  });
});

describe('A pattern of presence takes the right to read', () => {
  const flat = ['rooms.*', 'lobby'];
  const deep = ['rooms.>'];

  it.each<[string, string[], string[] | undefined]>([
    ['$presence.rooms.42.>', flat, ['rooms.42']],
    ['$presence.rooms.42.*', flat, ['rooms.42']],
    ['$presence.rooms.42.abc', flat, ['rooms.42']],
    ['$presence.rooms.42.$count.>', flat, ['rooms.42']],
    ['$presence.rooms.42.$count.*', flat, ['rooms.42']],
    ['$presence.rooms.42.$count.abc', flat, ['rooms.42']],
    ['$presence.rooms.*.*', flat, ['rooms.*']],
    ['$presence.rooms.*.>', flat, ['rooms.*']],
    ['$presence.rooms.>', flat, ['rooms.>']],
    ['$presence.lobby.>', flat, ['lobby']],
    // The first wildcard may stand for "$count".
    ['$presence.lobby.*.*', flat, ['lobby']],
    ['$presence.>', flat, ['>']],
    ['$presence.*', flat, []],
    ['$presence.plain.1.>', flat, []],
    // What is below a topic is not what its readers may see.
    ['$presence.rooms.42.>', deep, ['rooms.42', 'rooms.42.>']],
    ['$presence.rooms.42.*', deep, ['rooms.42']],
    ['$presence.rooms.*.*', deep, ['rooms.*']],
    ['$presence.rooms.a.*.*', deep, ['rooms.a.*', 'rooms.a']],
    ['rooms.42', flat, undefined],
    ['$lease.>', flat, undefined],
  ])('%s, with presence in %j: %j', (pattern, ruled, expected) => {
    expect(presenceOf(pattern, ruled)).toEqual(expected);
  });
});
