import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useState, type FormEvent } from "react";
import { explain, users } from "../api/clients";
import { Notice } from "../shell/Notice";
import { signIn, signOut, tokenIn } from "./token";

export function SignInPage() {
  const navigate = useNavigate();
  const [problem, setProblem] = useState<string | null>(null);
  const [token, setToken] = useState("");

  const enter = useCallback(
    async (offered: string) => {
      signIn(offered);
      try {
        await users.bootstrap({});
      } catch (error) {
        signOut();
        throw error;
      }
      await navigate({ to: "/boards" });
    },
    [navigate],
  );

  useEffect(() => {
    const offered = tokenIn(window.location.hash);
    if (!offered) return;
    // The token does not stay in the address bar or in the history.
    window.history.replaceState(null, "", window.location.pathname);
    enter(offered).catch((error: unknown) => setProblem(explain(error)));
  }, [enter]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    enter(token).catch((error: unknown) => setProblem(explain(error)));
  };

  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form
        onSubmit={submit}
        className="w-full max-w-sm rounded-xl border border-(--line) bg-(--surface) p-6"
      >
        <h1 className="text-lg font-semibold">Sign in to Mission Control</h1>
        <p className="mt-1 mb-4 text-sm text-(--muted)">
          Open the link that <code>mission-control serve</code> printed, or paste its token.
        </p>
        {problem && <Notice text={problem} />}
        <label className="block text-sm font-medium" htmlFor="token">
          Token
        </label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
          className="mt-1 mb-4 w-full rounded-lg border border-(--line) bg-(--ground) px-3 py-2"
        />
        <button
          type="submit"
          className="w-full rounded-lg bg-(--accent) px-3 py-2 font-medium text-(--on-accent)"
        >
          Sign in
        </button>
      </form>
    </main>
  );
}
