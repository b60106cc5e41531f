// Changes the networks that a token may be used from.
import { SetTokenNetworksDocument } from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { NetworksField, networksOf } from "./networks-field.tsx";
import { fields, networks as text } from "./strings.ts";

export function EditNetworks(props: ConditionProps) {
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      said={text.saved}
      draftOf={({ networks }) => networks.join("\n")}
      current={{ label: fields.networks, of: ({ networks }) => words.networks(networks) }}
      send={async (lines, of) => {
        const input = { ...of, networks: networksOf(lines) };
        return (await request(SetTokenNetworksDocument, { input })).setTokenNetworks;
      }}
    >
      {({ draft, setDraft, problemOf }) => (
        <NetworksField lines={draft} problem={problemOf("networks")} onChange={setDraft} />
      )}
    </ConditionDialog>
  );
}
