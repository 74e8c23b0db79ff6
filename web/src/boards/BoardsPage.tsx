import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { boards, explain } from "../api/clients";
import { Notice } from "../shell/Notice";

export function BoardsPage() {
  const list = useQuery({ queryKey: ["boards"], queryFn: () => boards.listBoards({ limit: 200 }) });
  return (
    <>
      <h1 className="pb-5 text-xl font-semibold">Boards</h1>
      {list.error && <Notice text={explain(list.error)} onRetry={() => void list.refetch()} />}
      {list.isPending && <div aria-busy="true" className="h-24 animate-pulse rounded-xl bg-(--raised)" />}
      {list.data?.items.length === 0 && <NoBoards />}
      <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {list.data?.items.map((board) => (
          <li key={board.id}>
            <Link
              to="/boards/$boardId"
              params={{ boardId: board.id }}
              className="block h-full rounded-xl border border-(--line) bg-(--surface) p-4 hover:border-(--accent)"
            >
              <h2 className="font-medium">{board.name}</h2>
              <p className="mt-1 line-clamp-2 text-sm text-(--muted)">{board.description}</p>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

function NoBoards() {
  return (
    <div className="rounded-xl border border-dashed border-(--line) p-8 text-center">
      <p className="font-medium">No boards yet</p>
      <p className="mx-auto mt-2 max-w-md text-sm text-(--muted)">
        Run <code>mission-control demo</code> beside this for a simulated gateway with a sample board, or
        create one with <code>POST /api/v1/boards</code>: the{" "}
        <a className="text-(--accent) underline" href="/docs">
          API reference
        </a>{" "}
        lets you try it.
      </p>
    </div>
  );
}
