// A client of the edge as integrators write one: @connectrpc/connect-web in Node. Says on each line of its output what it
// saw. Usage: node grpc-web-client.mjs URL TOKEN BOARD_ID [AFTER_SEQUENCE]

import { toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { FeedService, WatchResponseSchema } from "../src/gen/mission/activity/v1/feed_pb.js";
import { TaskService } from "../src/gen/mission/board/v1/task_pb.js";
import { UserService } from "../src/gen/mission/org/v1/user_pb.js";

const [url, token, boardId, after] = process.argv.slice(2);

const transport = createGrpcWebTransport({
    baseUrl: url,
    interceptors: [
        (next) => (request) => {
            request.header.set("authorization", `Bearer ${token}`);
            return next(request);
        },
    ],
});

function say(line) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
}

const { user } = await createClient(UserService, transport).getMe({});
say({ me: user.email });
const { total } = await createClient(TaskService, transport).listTasks({ boardId });
say({ tasks: Number(total) });
const refused = await createClient(TaskService, transport)
    .getTask({ taskId: "not-a-uuid" })
    .then(
        () => null,
        (error) => error.code,
    );
say({ refused });

const request = after === undefined ? { boardId } : { boardId, afterSequence: BigInt(after) };
for await (const message of createClient(FeedService, transport).watch(request)) {
    const { sequence, event } = toJson(WatchResponseSchema, message);
    say({ sequence: Number(sequence ?? 0), type: event?.type ?? null, at: Date.now() });
}
