// Lets the holder of a token rotate its secret, or not any more.
import {
  SetHolderMayRotateDocument,
  type TokenConditionsFragment,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { fields, holderMayRotate as text } from "./strings.ts";

export function EditHolderMayRotate(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      said={text.saved}
      draftOf={({ holderMayRotate }: TokenConditionsFragment) => holderMayRotate}
      current={{
        label: text.label,
        of: ({ holderMayRotate }) => (holderMayRotate ? text.yes : text.no),
      }}
      send={async (holderMayRotate, of) => {
        const input = { ...of, holderMayRotate };
        return (await request(SetHolderMayRotateDocument, { input })).setHolderMayRotate;
      }}
    >
      {({ draft, setDraft }) => (
        <label className="check">
          <input
            type="checkbox"
            checked={draft}
            onChange={(event) => setDraft(event.target.checked)}
          />
          <span>{fields.holderMayRotate}</span>
        </label>
      )}
    </ConditionDialog>
  );
}
