// Accepting an invitation. Its secret is in the address behind "#", hidden from servers and logs.
import { href } from "../base.ts";
import { element } from "../forms/elements.ts";
import {
  clearProblem,
  password,
  setBusy,
  showProblem,
  startForm,
  submitButton,
} from "../forms/password-form.ts";
import { rememberTenant } from "../remembered-tenant.ts";
import {
  acceptInvitation,
  explainFailure,
  type Invited,
  isSessionKept,
  readInvitation,
} from "../session.ts";
import { session } from "../strings.ts";
import { invitation as text } from "./strings.ts";

const secret = location.hash.slice(1);
// Remove the secret from the address and the history before other code can read it.
history.replaceState(null, "", location.pathname);

/** Tells whom the invitation is for, or that it cannot be used, before a password is invented. */
async function describe(): Promise<void> {
  let response: Response;
  try {
    response = await readInvitation(secret);
  } catch {
    showProblem(session.offline);
    return;
  }
  if (response.ok) {
    show((await response.json()) as Invited);
    return;
  }
  const { message, field } = await explainFailure(response);
  if (field === "invitation") {
    element("#reason", HTMLParagraphElement).textContent = message;
    turnTo("#gone");
  } else showProblem(message);
}

function show({ tenant, admin }: Invited): void {
  element("#organisation", HTMLElement).textContent = tenant.name;
  element("#email", HTMLElement).textContent = admin.email;
  element("#short-name", HTMLElement).textContent = tenant.slug;
  element("#username", HTMLInputElement).value = admin.email;
  element("#invited", HTMLDListElement).hidden = false;
  rememberTenant(tenant.slug);
}

async function accept(): Promise<void> {
  clearProblem();
  setBusy(true, text);
  try {
    const response = await acceptInvitation({ invitation: secret, password: password.value });
    if (response.ok) {
      await response.text(); // Leaving while an answer is on its way shows as a failed request.
      if (await isSessionKept()) location.replace(href("/"));
      else turnTo("#done");
      return;
    }
    const { message, field } = await explainFailure(response);
    showProblem(message, ...(field === "password" ? [password] : []));
  } catch {
    showProblem(session.offline);
  }
  setBusy(false, text);
  password.focus();
}

/** Shows another card in place of the form. */
function turnTo(selector: string): void {
  const card = element(selector, HTMLDivElement);
  element("#open", HTMLDivElement).hidden = true;
  card.hidden = false;
  card.querySelector("h1")?.focus();
}

startForm(accept);
// Another link in the same tab: the browser changes only the part behind "#", without reloading.
window.addEventListener("hashchange", () => location.reload());
if (secret === "") {
  showProblem(text.noInvitation);
  submitButton.disabled = true;
} else void describe();
