import { useMutation, useQuery } from "@tanstack/react-query";
import { approvals, explain } from "../api/clients";
import { ApprovalStatus, type Approval } from "../gen/mission/approval/v1/approval_pb";
import { Notice } from "../shell/Notice";

/** Approvals that are shown at once. */
const SHOWN = 20;

function usePending(boardId: string) {
  return useQuery({
    queryKey: ["approvals", boardId],
    queryFn: () => approvals.listApprovals({ boardId, status: ApprovalStatus.PENDING, limit: SHOWN }),
  });
}

/** How many wait, where nobody overlooks it. */
export function WaitingBadge({ boardId }: { boardId: string }) {
  const total = Number(usePending(boardId).data?.total ?? 0n);
  if (total === 0) return null;
  return (
    <a
      href="#waiting"
      className="rounded-full bg-(--accent) px-3 py-1 text-xs font-medium text-(--on-accent)"
    >
      {total === 1 ? "1 waits for you" : `${total} wait for you`}
    </a>
  );
}

/** What waits for a person, and the two answers. */
export function Approvals({ boardId }: { boardId: string }) {
  const list = usePending(boardId);
  const total = Number(list.data?.total ?? 0n);
  return (
    <section
      id="waiting"
      aria-label="Waiting for you"
      className="rounded-xl border border-(--line) bg-(--surface) p-4"
    >
      <h2 className="flex items-baseline justify-between pb-3 text-sm font-semibold">
        Waiting for you
        <span className="text-xs font-normal text-(--muted)">{list.data && total}</span>
      </h2>
      {list.error && <Notice text={explain(list.error)} onRetry={() => void list.refetch()} />}
      {list.isPending && <div aria-busy="true" className="h-12 animate-pulse rounded-lg bg-(--raised)" />}
      {list.data && total === 0 && <p className="text-xs text-(--muted)">No approval waits.</p>}
      <ul className="flex flex-col gap-3">
        {list.data?.items.map((approval) => (
          <Waiting key={approval.id} approval={approval} />
        ))}
      </ul>
      {total > SHOWN && <p className="pt-3 text-xs text-(--muted)">And {total - SHOWN} more.</p>}
    </section>
  );
}

function Waiting({ approval }: { approval: Approval }) {
  // The list changes by the event that tells of the decision, here as in every other window.
  const decide = useMutation({
    mutationFn: (status: ApprovalStatus) =>
      approvals.resolveApproval({
        boardId: approval.boardId,
        approvalId: approval.id,
        status,
        updateMask: { paths: ["status"] },
        expectedVersion: approval.version,
      }),
  });
  const reason = approval.payload?.["reason"];
  const about = approval.taskTitles.join(", ");
  const busy = decide.isPending || decide.isSuccess;
  return (
    <li data-approval-id={approval.id} className="rounded-lg bg-(--raised) p-3 text-sm">
      <h3 className="font-medium">{about || approval.actionType}</h3>
      <p className="pt-1 text-xs text-(--muted)">
        {approval.actionType} · {Math.round(approval.confidence)} % sure
        {approval.requiredApprovals > 1 &&
          ` · ${approval.approvals.length} of ${approval.requiredApprovals} approved`}
      </p>
      {typeof reason === "string" && <p className="line-clamp-4 pt-2 text-xs">{reason}</p>}
      {decide.error && (
        <p role="alert" className="pt-2 text-xs text-(--danger)">
          {explain(decide.error)}
        </p>
      )}
      <div className="flex gap-2 pt-3">
        <button
          type="button"
          disabled={busy}
          onClick={() => decide.mutate(ApprovalStatus.APPROVED)}
          className="rounded-md bg-(--accent) px-3 py-1 text-xs font-medium text-(--on-accent) disabled:opacity-50"
        >
          Approve
        </button>
        <button
          type="button"
          disabled={busy}
          onClick={() => decide.mutate(ApprovalStatus.REJECTED)}
          className="rounded-md border border-(--line) px-3 py-1 text-xs font-medium disabled:opacity-50"
        >
          Reject
        </button>
      </div>
    </li>
  );
}
