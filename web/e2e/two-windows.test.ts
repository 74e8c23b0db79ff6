import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Stack } from "./stack";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

let stack: Stack;
let browser: Browser;

beforeAll(async () => {
  stack = await Stack.start();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

test("two windows show one board: a card moved in one moves in the other", async () => {
  const board = await aBoard();
  const task = await stack.call<{ id: string }>("POST", "/api/v1/tasks", {
    board_id: board.id,
    title: "Write the launch note",
  });

  const [left, right] = [await signedIn(), await signedIn()];
  for (const page of [left, right]) {
    await page.getByRole("link", { name: "Launch" }).click();
    await page.locator('[data-connection="live"]').waitFor();
    await cardIn(page, "Inbox", task.id).waitFor();
  }

  await drag(left, task.id, "In progress");
  await cardIn(left, "In progress", task.id).waitFor({ timeout: 5_000 });
  await cardIn(right, "In progress", task.id).waitFor({ timeout: 5_000 });

  const saved = await stack.call<{ status: string }>("GET", `/api/v1/tasks/${task.id}`);
  expect(saved.status).toBe("in_progress");
  await screenshot(right, "board");
});

test("an approval waits in every open window, and one decides it", async () => {
  const board = await aBoard("Careful");
  const task = await stack.call<{ id: string }>("POST", "/api/v1/tasks", {
    board_id: board.id,
    title: "Send the newsletter",
  });
  const windows = [await signedIn(), await signedIn()] as const;
  for (const page of windows) {
    await page.getByRole("link", { name: "Careful" }).click();
    await page.locator('[data-connection="live"]').waitFor();
    await page.getByText("No approval waits.").waitFor();
  }
  const asked = await stack.call<{ id: string }>("POST", `/api/v1/boards/${board.id}/approvals`, {
    action_type: "newsletter.send",
    task_id: task.id,
    confidence: 80,
    lead_reasoning: "It leaves the house.",
  });

  const waiting = (page: Page) => page.locator(`[data-approval-id="${asked.id}"]`);
  for (const page of windows) {
    await waiting(page).getByText("Send the newsletter").waitFor({ timeout: 5_000 });
    await waiting(page).getByText("It leaves the house.").waitFor();
    await page.getByRole("link", { name: "1 waits for you" }).waitFor();
  }
  await screenshot(windows[0], "approval");
  await waiting(windows[0]).getByRole("button", { name: "Approve" }).click();
  for (const page of windows) {
    await page.getByText("No approval waits.").waitFor({ timeout: 5_000 });
    await page.locator('[data-event-type="approval.resolved"]').waitFor({ timeout: 5_000 });
  }
  const decided = await stack.call<{ status: string }>(
    "GET",
    `/api/v1/boards/${board.id}/approvals/${asked.id}`,
  );
  expect(decided.status).toBe("approved");
});

test("agents that one window pauses are paused in the other", async () => {
  const board = await aBoard("Hasty");
  const [left, right] = [await signedIn(), await signedIn()];
  for (const page of [left, right]) {
    await page.getByRole("link", { name: "Hasty" }).click();
    await page.locator('[data-connection="live"]').waitFor();
  }
  const paused = () =>
    stack
      .call<{ agents_paused: boolean }>("GET", `/api/v1/boards/${board.id}`)
      .then((read) => read.agents_paused);

  await left.getByRole("button", { name: "Pause agents" }).click();
  await right.getByText("Agents are paused").waitFor({ timeout: 5_000 });
  expect(await paused()).toBe(true);
  await right.getByRole("button", { name: "Resume agents" }).click();
  await left.getByRole("button", { name: "Pause agents" }).waitFor({ timeout: 5_000 });
  expect(await paused()).toBe(false);
});

test("a refused move puts the card back and says why", async () => {
  const board = await aBoard("Guarded");
  const task = await stack.call<{ id: string }>("POST", "/api/v1/tasks", {
    board_id: board.id,
    title: "Needs an approval",
  });
  const page = await signedIn();
  await page.getByRole("link", { name: "Guarded" }).click();
  await cardIn(page, "Inbox", task.id).waitFor();

  await drag(page, task.id, "Done");
  await page.getByRole("alert").filter({ hasText: "stays where it was" }).waitFor();
  await cardIn(page, "Inbox", task.id).waitFor();
  await screenshot(page, "refused");
});

test("without a credential there is only the sign-in page", async () => {
  const page = await browser.newPage();
  await page.goto(`${stack.url}/boards`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/sign-in");
  await screenshot(page, "sign-in");
});

async function aBoard(name = "Launch"): Promise<{ id: string }> {
  const gateway = await stack.call<{ id: string }>("POST", "/api/v1/gateways", {
    name: `${name} gateway`,
    url: "ws://127.0.0.1:9",
    workspace_root: "/srv/openclaw",
  });
  return stack.call("POST", "/api/v1/boards", {
    name,
    description: "Everything that must happen before the launch.",
    gateway_id: gateway.id,
    board_type: "general",
  });
}

/** A window of its own, signed in through the printed link. */
async function signedIn(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  await page.goto(stack.signInLink);
  await page.getByRole("heading", { name: "Boards" }).waitFor();
  expect(page.url()).not.toContain("token");
  return page;
}

function cardIn(page: Page, column: string, taskId: string) {
  return page.getByRole("region", { name: column }).locator(`[data-task-id="${taskId}"]`);
}

async function drag(page: Page, taskId: string, column: string): Promise<void> {
  const from = await page.locator(`[data-task-id="${taskId}"]`).boundingBox();
  const to = await page.getByRole("region", { name: column }).boundingBox();
  if (!from || !to) throw new Error("card or column is not on the page");
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x + from.width / 2 + 10, from.y + from.height / 2, { steps: 3 });
  await page.mouse.move(to.x + to.width / 2, to.y + 80, { steps: 12 });
  await page.mouse.up();
}

/** Kept when a directory is named, to look at what a person would see. */
async function screenshot(page: Page, name: string): Promise<void> {
  const directory = process.env["MC_SCREENSHOTS"];
  if (directory) await page.screenshot({ path: `${directory}/${name}.png` });
}
