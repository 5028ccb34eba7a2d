/** Set-ups as the text of a link: there and back, and what anybody may put into one. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Command, commandText, parseCommand } from "../../src/play/command.ts";
import { END_SETTINGS, type EndSettings, SETTING_NAMES } from "../../src/play/end_settings.ts";
import { EMPTY_SET_UP, parseSetUp, type SetUp, SetUpError, setUpText } from "../../src/play/set_up.ts";
import { SCENARIOS } from "../../src/play/scenarios.ts";

Deno.test("a set-up becomes a text that says what differs, and is read back as it was", () => {
  const setUp: SetUp = {
    seed: 7,
    delayUs: 5_500,
    ends: [{ sack: "off", mss: 536 }, { app: "hold", rcv: 8 }],
    commands: [
      { kind: "listen", side: 1, atUs: 0 },
      { kind: "connect", side: 0, atUs: 0, amount: 1 },
      { kind: "faults", side: 1, atUs: 1_500, text: "in:drop=1%,seed=3" },
      { kind: "send", side: 0, atUs: 100_001, amount: 1000 },
    ],
    lost: [3, 9],
    untilUs: 340_004,
    scenario: "loss",
  };
  const text = "s=loss&seed=7&d=5.5&a=mss-536_sack-off&b=app-hold_rcv-8" +
    "&do=0l1_0c0!1_1.5f1!in%3Adrop%3D1%25%2Cseed%3D3_100.001s0!1000&lose=3_9&t=340.004";
  assertEquals(setUpText(setUp), text);
  assertEquals(parseSetUp(text), setUp);
  assertEquals(setUpText(EMPTY_SET_UP), "");
  assertEquals(parseSetUp(""), EMPTY_SET_UP);
});

Deno.test("every scenario is a link of less than 200 letters, and comes back from it", () => {
  for (const { setUp, name } of SCENARIOS) {
    const text = setUpText(setUp);
    assertEquals(parseSetUp(text), setUp, name);
    assertEquals(text.length < 200, true, `${name}: ${text.length}`);
  }
});

const settings: fc.Arbitrary<EndSettings> = fc.record(
  Object.fromEntries(SETTING_NAMES.map((name) => {
    const setting = END_SETTINGS[name];
    return [
      name,
      setting.kind === "choice"
        ? fc.constantFrom<string | number>(...setting.choices)
        : fc.integer({ min: setting.least, max: setting.most }),
    ];
  })),
  { requiredKeys: [] },
);
const command: fc.Arbitrary<Omit<Command, "atUs">> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("listen" as const, "close" as const, "hold" as const, "restart" as const),
    side: fc.constantFrom(0 as const, 1 as const),
  }),
  fc.record({
    kind: fc.constant("send" as const),
    side: fc.constantFrom(0 as const, 1 as const),
    amount: fc.integer({ min: 1, max: 1_000_000 }),
  }),
  fc.record({
    kind: fc.constant("once" as const),
    side: fc.constant(1 as const),
    text: fc.constantFrom("drop:fin", "in:hold:ack@3:2s"),
  }),
);

Deno.test("whatever can be set is read back as it was", () => {
  const time = fc.integer({ min: 0, max: 86_400_000_000 });
  fc.assert(fc.property(
    fc.record({
      seed: fc.integer({ min: 0, max: 0xffff_ffff }),
      delayUs: fc.integer({ min: 0, max: 500_000 }),
      ends: fc.tuple(settings, settings),
      commands: fc.array(fc.tuple(command, time), { maxLength: 20 }),
      lost: fc.array(fc.integer({ min: 1, max: 9999 }), { maxLength: 9 }),
      untilUs: time,
      scenario: fc.constantFrom("", "loss"),
    }),
    (made) => {
      const times = made.commands.map(([, atUs]) => atUs).sort((a, b) => a - b);
      const setUp: SetUp = {
        ...made,
        commands: made.commands.map(([wish], at) => ({ ...wish, atUs: times[at] })),
      };
      const text = setUpText(setUp);
      assertEquals(setUpText(parseSetUp(text)), text);
      assertEquals(parseSetUp(text).commands, setUp.commands);
      assertEquals([parseSetUp(text).untilUs, parseSetUp(text).delayUs], [setUp.untilUs, setUp.delayUs]);
    },
  ));
});

Deno.test("a link that cannot be is refused in one line that says which part", () => {
  const cases: readonly (readonly [text: string, line: string])[] = [
    ["x=1", 'This link has a part that means nothing here, damaged or of another version: "x=1"'],
    ["seed", 'This link has a part that means nothing here, damaged or of another version: "seed"'],
    ["seed=1&seed=2", "This link has seed twice"],
    ["seed=-1", 'This link\'s seed is no whole number from 0 to 4294967295: "-1"'],
    ["seed=4294967296", 'This link\'s seed is no whole number from 0 to 4294967295: "4294967296"'],
    ["seed=1.5", 'This link\'s seed is no whole number from 0 to 4294967295: "1.5"'],
    ["d=1e3", 'This link\'s d is no number from 0 to 500: "1e3"'],
    ["t=86400001", 'This link\'s t is no number from 0 to 86400000: "86400001"'],
    ["a=mss-87", 'This link sets what cannot be so: "mss-87"'],
    ["a=__proto__-1", 'This link sets what cannot be so: "proto"'],
    ["b=constructor-on", 'This link sets what cannot be so: "constructor-on"'],
    ["do=0z0", 'This link has a command that cannot be: "0z0": no command of the playground'],
    ["do=0s0", "This link has a command that cannot be: send: expected a whole number from 1 to 1000000"],
    [
      "do=0s0!1000001",
      "This link has a command that cannot be: send: expected a whole number from 1 to 1000000",
    ],
    ["do=0l0!1", 'This link has a command that cannot be: "0l0!1": listen takes nothing more'],
    ["do=2l0_1l0", 'This link\'s commands are out of order at "1l0"'],
    ["do=" + "0l0_".repeat(501), "This link has more than 500 commands"],
    ["lose=0", 'This link loses what is no segment: "0"'],
    ["s=<b>", 'This link names a scenario that cannot be: "<b>"'],
    ["s=%E0%A4%A", 'This link is damaged: "%E0%A4%A"'],
    ["s=" + "a".repeat(8000), "This link has more than 8000 letters: it is none of the playground"],
  ];
  for (const [text, line] of cases) {
    const error = assertThrows(() => parseSetUp(text), SetUpError);
    assertEquals(error.message, line, text.slice(0, 40));
  }
  assertEquals(
    String(parseCommand("0o1!drop:nothing")),
    '"drop:nothing": expected a segment of syn, syn-ack, ack, data, fin, rst, any, and @N behind it for the Nth from now on',
  );
});

Deno.test("no text at all makes the reader throw anything else, or takes it long", () => {
  const letters = fc.string({ unit: fc.constantFrom(..."s=&do_0123lce!.%-atbmk"), maxLength: 200 });
  fc.assert(
    fc.property(fc.oneof(letters, fc.string()), (text) => {
      try {
        parseSetUp(text);
      } catch (error) {
        if (!(error instanceof SetUpError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a command's text", () => {
  const command: Command = { kind: "connect", side: 0, atUs: 1234, amount: 0 };
  assertEquals(commandText(command), "1.234c0");
  assertEquals(parseCommand("1.234c0"), { kind: "connect", side: 0, atUs: 1234 });
});
