// grpc-web to the edge that served this page.

import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ActivityService } from "../gen/mission/activity/v1/activity_pb";
import { FeedService } from "../gen/mission/activity/v1/feed_pb";
import { ApprovalService } from "../gen/mission/approval/v1/approval_pb";
import { BoardService } from "../gen/mission/board/v1/board_pb";
import { TaskService } from "../gen/mission/board/v1/task_pb";
import { UserService } from "../gen/mission/org/v1/user_pb";
import { currentToken, signOut } from "../session/token";

const authenticate: Interceptor = (next) => async (request) => {
  const token = currentToken();
  if (token) request.header.set("authorization", `Bearer ${token}`);
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) {
      signOut();
      window.dispatchEvent(new Event("mission-control:signed-out"));
    }
    throw error;
  }
};

const transport = createGrpcWebTransport({
  baseUrl: window.location.origin,
  interceptors: [authenticate],
});

export const users = createClient(UserService, transport);
export const boards = createClient(BoardService, transport);
export const tasks = createClient(TaskService, transport);
export const approvals = createClient(ApprovalService, transport);
export const activity = createClient(ActivityService, transport);
export const feed = createClient(FeedService, transport);

/** What a person should read about a failed call. */
export function explain(error: unknown): string {
  const failure = ConnectError.from(error);
  return failure.code === Code.Unavailable || failure.code === Code.Unknown
    ? "Mission Control cannot be reached."
    : failure.rawMessage;
}
