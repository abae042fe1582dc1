/** The own interface as schemas, for OpenAPI; bodies are read by score.ts and rank.ts, whose messages say more. */
import Type, { type TSchema } from "typebox";

const turn = Type.Object({ role: Type.String(), content: Type.String() });
const turns = Type.Array(turn, {
  description: "A conversation; its last turn is the assistant's, or the user's before responses.",
});
const prompt = Type.Union([Type.String(), turns]);
const system = Type.Optional(Type.String({ description: "A system turn before the prompt." }));
const responses = Type.Array(Type.String());

const options = {
  perToken: Type.Optional(Type.Boolean({ description: "Also the reward at every token of the response." })),
  strict: Type.Optional(Type.Boolean({ description: "Warnings are errors." })),
  allHeads: Type.Optional(Type.Boolean({ description: "Also the scores by the heads that the server compares with." })),
  ignoreFields: Type.Optional(
    Type.Array(Type.String(), { description: "Fields of items that are left out on purpose." }),
  ),
};

const item = Type.Union([
  Type.Object({ prompt, response: Type.String(), system }),
  Type.Object({ prompt, responses, system }),
  Type.Object({ messages: turns, system }),
  Type.Object({ messages: turns, responses, system }),
  Type.Object({ text: Type.String({ description: "Scored as it is." }) }),
]);

const error = Type.Object({ code: Type.String(), message: Type.String(), field: Type.Optional(Type.String()) });
const scored = { score: Type.Number(), tokenCount: Type.Integer(), truncated: Type.Boolean() };

export const ownSchemas: Readonly<Record<string, { readonly body: TSchema; readonly answer: TSchema }>> = {
  "/v1/score": {
    body: Type.Union([Type.Object({ items: Type.Array(item), ...options }), item, Type.Array(item)]),
    answer: Type.Object({
      model: Type.String(),
      results: Type.Array(
        Type.Union([
          Type.Object({ index: Type.Integer(), ...scored }),
          Type.Object({
            index: Type.Integer(),
            scores: Type.Array(Type.Number()),
            ranks: Type.Array(Type.Integer()),
            tokenCount: Type.Array(Type.Integer()),
            truncated: Type.Array(Type.Boolean()),
          }),
          Type.Object({ index: Type.Integer(), error }),
        ]),
      ),
    }),
  },
  "/v1/rank": {
    body: Type.Object({
      prompt: Type.Optional(prompt),
      messages: Type.Optional(turns),
      system,
      responses,
      topN: Type.Optional(Type.Integer({ minimum: 1 })),
      ...options,
    }),
    answer: Type.Object({
      model: Type.String(),
      ranking: Type.Array(
        Type.Object({ rank: Type.Integer(), index: Type.Integer(), ...scored, response: Type.String() }),
      ),
    }),
  },
};
