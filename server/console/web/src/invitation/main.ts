// Accepting an invitation. Its secret is in the address behind "#", hidden from servers and logs.
import { element } from "../forms/elements.ts";
import {
  clearProblem,
  password,
  setBusy,
  showProblem,
  startForm,
  submitButton,
} from "../forms/password-form.ts";
import { acceptInvitation, explainFailure } from "../session.ts";
import { session } from "../strings.ts";
import { invitation as text } from "./strings.ts";

const secret = location.hash.slice(1);
// Remove the secret from the address and the history before other code can read it.
history.replaceState(null, "", location.pathname);

async function accept(): Promise<void> {
  clearProblem();
  setBusy(true, text);
  try {
    const response = await acceptInvitation({ invitation: secret, password: password.value });
    if (response.status === 204) {
      showDone();
      return;
    }
    const { message, field } = await explainFailure(response);
    showProblem(message, field === "password" ? password : undefined);
  } catch {
    showProblem(session.offline);
  }
  setBusy(false, text);
  password.focus();
}

function showDone(): void {
  const done = element("#done", HTMLDivElement);
  element("#open", HTMLDivElement).hidden = true;
  done.hidden = false;
  done.querySelector("h1")?.focus();
}

startForm(accept);
// Another link in the same tab: the browser changes only the part behind "#", without reloading.
window.addEventListener("hashchange", () => location.reload());
if (secret === "") {
  showProblem(text.noInvitation);
  submitButton.disabled = true;
}
