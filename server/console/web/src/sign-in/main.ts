// The sign-in page: signs in, explains a refusal, and leads on to the page that was asked for.
import { base } from "../base.ts";
import { element } from "../forms/elements.ts";
import {
  clearProblem,
  password,
  setBusy,
  showProblem,
  startForm,
  submitButton,
} from "../forms/password-form.ts";
import { keepsSessions } from "../forms/secure-address.ts";
import { rememberedTenant, rememberTenant } from "../remembered-tenant.ts";
import { explainFailure, isSessionKept, openSession, secondsUntil } from "../session.ts";
import { common, session } from "../strings.ts";
import { nextAddress } from "./next.ts";
import { signIn as text } from "./strings.ts";

const TICK_MS = 500;
const LABELS = { submit: session.signIn, submitting: session.signingIn };
const tenant = element("#tenant", HTMLInputElement);
const email = element("#email", HTMLInputElement);

async function signIn(): Promise<void> {
  clearProblem();
  if (!isComplete()) return;
  setBusy(true, LABELS);
  let response: Response;
  try {
    response = await openSession({
      tenant: tenant.value.trim(),
      email: email.value.trim(),
      password: password.value,
    });
  } catch {
    setBusy(false, LABELS);
    showProblem(session.offline);
    return;
  }
  if (response.status === 201) {
    rememberTenant(tenant.value.trim());
    await response.text(); // Leaving while an answer is on its way shows as a failed request.
    await goOn();
    return;
  }
  setBusy(false, LABELS);
  await explain(response);
}

/** Asks for all empty fields at once. The server checks the rest; a password is never trimmed. */
function isComplete(): boolean {
  const isEmpty = (field: HTMLInputElement): boolean =>
    field === password ? field.value === "" : field.value.trim() === "";
  const fields = { tenant, email, password };
  const missing = (["tenant", "email", "password"] as const).filter((name) => isEmpty(fields[name]));
  if (missing.length === 0) return true;
  showProblem(
    missing.map((name) => text.missing[name]).join(" "),
    ...missing.map((name) => fields[name]),
  );
  return false;
}

async function goOn(): Promise<void> {
  if (!(await isSessionKept())) {
    setBusy(false, LABELS);
    showProblem(keepsSessions(location) ? text.sessionNotKept : common.insecureAddress);
    return;
  }
  const next = new URLSearchParams(location.search).get("next");
  location.replace(nextAddress(next, location.origin, base));
}

async function explain(response: Response): Promise<void> {
  const { message, waitSeconds = 0 } = await explainFailure(response);
  if (response.status === 429 || response.status >= 500) {
    showProblem(message);
    if (waitSeconds > 0) wait(waitSeconds);
    return;
  }
  showProblem(message, password);
  password.select();
}

/** Counts down on the button; the message beside it is announced once, not every second. */
function wait(seconds: number): void {
  const end = Date.now() + seconds * 1000;
  const tick = (): void => {
    const left = secondsUntil(end);
    if (left > 0) {
      submitButton.textContent = session.wait(left);
      return;
    }
    window.clearInterval(timer);
    clearProblem();
    setBusy(false, LABELS);
  };
  const timer = window.setInterval(tick, TICK_MS);
  submitButton.disabled = true;
  tick();
}

startForm(signIn);
tenant.value = new URLSearchParams(location.search).get("tenant") ?? rememberedTenant();
// No `autofocus`: browsers do that when they like, also after this.
(tenant.value === "" ? tenant : email).focus();
// On "back", the browser may restore this page from its cache, still busy.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) setBusy(false, LABELS);
});
