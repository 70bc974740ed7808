import { join } from "node:path";
import type { MockUpstreamOptions } from "../testbed/mock-upstream.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { RequestFacts, Scenario, ScenarioTrouble } from "../testbed/scenario.ts";
import type { Agent, Place } from "./agent.ts";

/** What the model says last; it must stand at the end of the agent's output as it is. */
export const finalText = 'Finished: Zürich ✓ 東京 "quoted" \\back 🚀';
export const fileText = "Grüße aus 東京 ✓";
export const shellText = "shell-says-✓";

/** An image of 8 × 8 pixels, PNG, base64. */
export const image = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC";

/** A model that plays a story with an agent: it works with tools, looks at an image, and ends. */
export interface Story {
  readonly choose: NonNullable<MockUpstreamOptions["choose"]>;
  /** Requests that were a turn of the story and were answered well, in order. */
  readonly turns: readonly RecordedRequest[];
  /** Requests that met the trouble. */
  readonly troubled: readonly RecordedRequest[];
  /** Whether the agent was shown the image. */
  readonly looked: boolean;
}

export interface StoryOptions {
  readonly agent: Agent;
  readonly place: Place;
  /** What befalls the second turn, once. */
  readonly trouble?: ScenarioTrouble;
  /** Bytes in a write of the upstream, where they are to be cut at odd places. */
  readonly writeBytes?: number;
}

/** The side talk of an agent (titles, routing) offers no tools; every other request is the next turn of the story. */
export function createStory({ agent, place, trouble, writeBytes }: StoryOptions): Story {
  const turns: RecordedRequest[] = [];
  const troubled: RecordedRequest[] = [];
  let looked = false;
  const cut = writeBytes === undefined ? {} : { writeBytes };

  const turn = (facts: RequestFacts): Scenario => {
    const at = turns.length - 1;
    const reasoning = [`Step ${at}: `, "I think ✓."];
    const file = join(place.project, "hello.txt");
    if (at === 0) {
      return { reasoning, text: ["I work."], toolCalls: agent.work(facts.tools, file, fileText, `printf '%s' '${shellText}'`) };
    }
    const look = looked ? undefined : agent.look(facts.tools, join(place.project, "picture.png"));
    if (look !== undefined && at === 1) {
      looked = true;
      return { reasoning, text: ["I look."], toolCalls: [look] };
    }
    return { reasoning, text: ["Finished: ", finalText.slice("Finished: ".length)] };
  };

  return {
    turns,
    troubled,
    get looked() {
      return looked;
    },
    choose(request, facts) {
      if (facts === null || facts.tools.length === 0) return undefined;
      if (trouble !== undefined && turns.length === 1 && troubled.length === 0) {
        troubled.push(request);
        return { text: ["This never ", "comes ", "to an ", "end"], trouble, delayBetweenChunksMs: 1 };
      }
      turns.push(request);
      return { ...turn(facts), ...cut };
    },
  };
}
