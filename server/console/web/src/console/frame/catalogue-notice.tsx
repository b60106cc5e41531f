// Says at the top of each page that the API has changed, until an admin dismisses it.
import "./catalogue-notice.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { DismissCatalogueNoticeDocument } from "../../../generated/operations.ts";
import { noticesQuery } from "../api/catalogue.ts";
import { useRefresh } from "../api/queries.ts";
import { request } from "../api/request.ts";
import { useViewer } from "../api/viewer.ts";
import { formats } from "../formats.ts";
import { BusyButton } from "../parts/busy-button.tsx";
import { Note } from "../parts/note.tsx";
import { useSay } from "../parts/status.tsx";
import { sentenceOf } from "../parts/trouble.tsx";
import { paths } from "../paths.ts";
import { apiChanges, notice as text } from "../pages/api-changes/strings.ts";
import { countsOf } from "../pages/api-changes/words.ts";

export function CatalogueNotice() {
  const { data } = useQuery(noticesQuery);
  const newest = data?.[0];
  if (newest === undefined) return null;
  const affected = newest.tokensAffected ?? 0;
  return (
    <section className="catalogue-notice" aria-label={text.title}>
      <Note>
        <p>
          <strong>{text.title}.</strong> {countsOf(newest)}
          {affected > 0 && `; ${formats.count(affected, apiChanges.affected)}`}.
        </p>
        <div className="catalogue-notice-actions">
          <Link href={paths.apiChanges} className="button">
            {text.see}
          </Link>
          <Dismiss key={newest.id} id={newest.id} />
        </div>
      </Note>
    </section>
  );
}

function Dismiss({ id }: { id: string }) {
  const { mayChange } = useViewer();
  const refresh = useRefresh();
  const say = useSay();
  const [busy, setBusy] = useState(false);
  if (!mayChange) return null;

  async function dismiss(): Promise<void> {
    setBusy(true);
    try {
      await request(DismissCatalogueNoticeDocument, { input: { versionId: id } });
      await refresh();
      say(text.dismissed);
      document.querySelector<HTMLElement>("main h1")?.focus(); // The pressed button is gone.
    } catch (error) {
      say(sentenceOf(error));
      setBusy(false);
    }
  }

  return (
    <BusyButton type="button" className="button" busy={busy} onClick={() => void dismiss()}>
      {text.dismiss}
    </BusyButton>
  );
}
