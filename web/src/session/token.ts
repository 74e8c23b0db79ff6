// The credential of this browser. It arrives behind `#` in the sign-in link, which no server ever sees.

const KEY = "mission-control.token";

/** The token in a location's fragment, if there is one. */
export function tokenIn(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token");
  return token?.trim() || null;
}

export function currentToken(): string | null {
  return localStorage.getItem(KEY);
}

export function signIn(token: string): void {
  localStorage.setItem(KEY, token.trim());
}

export function signOut(): void {
  localStorage.removeItem(KEY);
}
