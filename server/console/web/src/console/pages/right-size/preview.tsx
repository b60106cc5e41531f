// Compares the selection of the grid with the token's requests, when the reader asks for it.
import { useState } from "react";
import { PreviewPermissionsDocument } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { sentenceOf } from "../../parts/trouble.tsx";
import { rightSize as text } from "./strings.ts";
import { DEFAULT_DAYS } from "./suggestion.ts";

interface Props {
  tokenId: string;
  selected: ReadonlySet<string>;
  days?: number | undefined;
}

interface Told {
  /** The selection that it is about: another one makes it void. */
  selected: ReadonlySet<string>;
  sentence: string;
}

export function Preview({ tokenId, selected, days = DEFAULT_DAYS }: Props) {
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<Told>();

  async function compare(): Promise<void> {
    setBusy(true);
    setTold({ selected, sentence: await sentence(tokenId, selected, days) });
    setBusy(false);
  }

  return (
    <div className="preview">
      <BusyButton
        type="button"
        className="button small"
        busy={busy}
        onClick={() => void compare()}
      >
        {busy ? text.previewing : text.preview}
      </BusyButton>
      <p role="status">{told?.selected === selected && told.sentence}</p>
    </div>
  );
}

async function sentence(
  id: string,
  selected: ReadonlySet<string>,
  days: number,
): Promise<string> {
  try {
    const permissions = [...selected];
    const answer = await request(PreviewPermissionsDocument, { id, permissions, days });
    const { requests = 0, of = 0 } = answer.previewPermissions?.wouldDeny ?? {};
    return text.previewed(formats.number(requests), formats.number(of), days);
  } catch (error) {
    return sentenceOf(error);
  }
}
