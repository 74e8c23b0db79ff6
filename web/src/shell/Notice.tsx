interface Props {
  text: string;
  onDismiss?: () => void;
  onRetry?: () => void;
}

/** Says what went wrong, and what can be done about it. */
export function Notice({ text, onDismiss, onRetry }: Props) {
  return (
    <div
      role="alert"
      className="mb-4 flex items-start justify-between gap-4 rounded-lg border border-(--danger) bg-(--surface) p-3 text-sm"
    >
      <p>{text}</p>
      <div className="flex gap-3">
        {onRetry && (
          <button type="button" className="font-medium text-(--accent)" onClick={onRetry}>
            Try again
          </button>
        )}
        {onDismiss && (
          <button type="button" className="font-medium text-(--accent)" onClick={onDismiss}>
            Dismiss
          </button>
        )}
      </div>
    </div>
  );
}
