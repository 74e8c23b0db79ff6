import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { signOut } from "../session/token";

export function Layout() {
  const navigate = useNavigate();
  useEffect(() => {
    const leave = () => void navigate({ to: "/sign-in" });
    window.addEventListener("mission-control:signed-out", leave);
    return () => window.removeEventListener("mission-control:signed-out", leave);
  }, [navigate]);

  return (
    <div className="min-h-dvh">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:bg-(--accent) focus:p-3 focus:text-(--on-accent)"
      >
        Skip to content
      </a>
      <nav
        aria-label="Main"
        className="flex items-center justify-between border-b border-(--line) bg-(--surface) px-4 py-3 sm:px-6"
      >
        <Link to="/boards" className="flex items-center gap-2 font-semibold">
          <img src="/favicon.svg" alt="" className="size-6" />
          Mission Control
        </Link>
        <button
          type="button"
          className="text-sm text-(--muted) hover:text-(--text)"
          onClick={() => {
            signOut();
            void navigate({ to: "/sign-in" });
          }}
        >
          Sign out
        </button>
      </nav>
      <main id="main" className="mx-auto max-w-7xl p-4 sm:p-6">
        <Outlet />
      </main>
    </div>
  );
}
