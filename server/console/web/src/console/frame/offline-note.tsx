// Says at the top of the page that the browser is offline.
import "./offline-note.css";
import { useSyncExternalStore } from "react";
import { session } from "../../strings.ts";

function subscribe(onChange: () => void): () => void {
  window.addEventListener("online", onChange);
  window.addEventListener("offline", onChange);
  return () => {
    window.removeEventListener("online", onChange);
    window.removeEventListener("offline", onChange);
  };
}

export function OfflineNote() {
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  return (
    <div role="status">{!online && <p className="offline">{session.isOffline}</p>}</div>
  );
}
