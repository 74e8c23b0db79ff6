import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  Navigate,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { BoardPage } from "./board/BoardPage";
import { BoardsPage } from "./boards/BoardsPage";
import { SignInPage } from "./session/SignInPage";
import { currentToken } from "./session/token";
import { Layout } from "./shell/Layout";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", component: SignInPage });

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Layout,
  beforeLoad: () => {
    if (!currentToken()) throw redirect({ to: "/sign-in" });
  },
});

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: () => <Navigate to="/boards" replace />,
});
const boards = createRoute({ getParentRoute: () => shell, path: "/boards", component: BoardsPage });
const board = createRoute({ getParentRoute: () => shell, path: "/boards/$boardId", component: BoardPage });

export const router = createRouter({
  routeTree: root.addChildren([signIn, shell.addChildren([home, boards, board])]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center p-4 text-center">
      <div>
        <h1 className="text-lg font-semibold">There is no such page</h1>
        <Link to="/boards" className="text-(--accent) underline">
          Go to your boards
        </Link>
      </div>
    </main>
  );
}
