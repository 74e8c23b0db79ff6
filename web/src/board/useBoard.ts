// One board: what is on it, live, and how a card is moved.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { boards, explain, tasks as taskService } from "../api/clients";
import type { Board } from "../gen/mission/board/v1/board_pb";
import { TaskStatus, type Task } from "../gen/mission/board/v1/task_pb";
import { follow, type Connection } from "./live";
import { EVERYTHING, News, touched } from "./news";
import { apply, byId, withTask, type Tasks } from "./tasks";

/** Rows of a page: the most that the API gives at once. */
const PAGE = 200;
/** Tasks that a board shows at most. */
const MOST = 2_000;

export interface LiveBoard {
  board: Board | undefined;
  tasks: Tasks | undefined;
  connection: Connection;
  /** Why the board cannot be shown, or what went wrong with the last move. */
  problem: string | null;
  dismiss: () => void;
  move: (task: Task, to: TaskStatus) => Promise<void>;
}

export function useBoard(boardId: string): LiveBoard {
  const [tasks, setTasks] = useState<Tasks>();
  const [connection, setConnection] = useState<Connection>("connecting");
  const [problem, setProblem] = useState<string | null>(null);
  const queries = useQueryClient();
  const board = useQuery({
    queryKey: ["board", boardId],
    queryFn: () => boards.getBoard({ boardId }),
  });

  useEffect(() => {
    const ending = new AbortController();
    const news = new News(queries, boardId);
    // Events that arrive while the first page loads wait for it: what is loaded may be older than they are.
    let early: Parameters<typeof apply>[1][] | null = [];
    void follow(
      boardId,
      {
        onStart: () => {
          // What was asked for before may have missed what happened before the stream began.
          news.tell(EVERYTHING);
          loadAll(boardId, ending.signal)
            .then((loaded) => {
              const waiting = early ?? [];
              early = null;
              setTasks(waiting.reduce(apply, byId(loaded)));
            })
            .catch((error: unknown) => {
              if (!ending.signal.aborted) setProblem(explain(error));
            });
        },
        onEvent: (event) => {
          news.tell(touched(event));
          if (early) early.push(event);
          else setTasks((known) => known && apply(known, event));
        },
        onConnection: setConnection,
      },
      ending.signal,
    );
    return () => {
      ending.abort();
      news.stop();
    };
  }, [boardId, queries]);

  const move = useCallback(async (task: Task, to: TaskStatus) => {
    const show = (status: TaskStatus) =>
      setTasks((known) => {
        const present = known?.get(task.id);
        // Only the card that moved is touched, and only while nothing newer arrived.
        return known && present?.version === task.version
          ? new Map(known).set(task.id, { ...present, status })
          : known;
      });
    show(to);
    try {
      const answer = await taskService.updateTask({
        taskId: task.id,
        status: to,
        updateMask: { paths: ["status"] },
      });
      const saved = answer.task;
      if (saved) setTasks((known) => known && withTask(known, saved));
    } catch (error) {
      show(task.status);
      setProblem(`“${task.title}” stays where it was: ${explain(error)}`);
    }
  }, []);

  return {
    board: board.data?.board,
    tasks,
    connection,
    problem: problem ?? (board.error ? explain(board.error) : null),
    dismiss: () => setProblem(null),
    move,
  };
}

async function loadAll(boardId: string, signal: AbortSignal): Promise<Task[]> {
  const all: Task[] = [];
  let pageToken: string | undefined;
  do {
    const request = { boardId, limit: PAGE, ...(pageToken === undefined ? {} : { pageToken }) };
    // Pages follow one another: each begins where the one before ended.
    // oxlint-disable-next-line no-await-in-loop
    const page = await taskService.listTasks(request, { signal });
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && all.length < MOST);
  return all;
}
