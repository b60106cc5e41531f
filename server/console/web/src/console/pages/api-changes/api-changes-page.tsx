// The versions of the API: what each changed, and which tokens it affects.
import "./api-changes.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { ShownVersionFragment } from "../../../../generated/operations.ts";
import { versionsQuery } from "../../api/catalogue.ts";
import { formats } from "../../formats.ts";
import { Empty } from "../../parts/empty.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { LoadMore } from "../../parts/load-more.tsx";
import { Loading, Page } from "../../parts/page.tsx";
import { Tag } from "../../parts/tag.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { When } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { titles } from "../../strings.ts";
import { Changes } from "./changes.tsx";
import { apiChanges as text } from "./strings.ts";
import { countsOf } from "./words.ts";

export function ApiChangesPage() {
  const versions = useInfiniteQuery(versionsQuery);
  const { data, error, isPending } = versions;
  if (isPending) return <Loading />;
  return (
    <Page title={titles.apiChanges} lead={text.lead}>
      {error !== null && <TroubleNote error={error} onRetry={() => void versions.refetch()} />}
      {data?.length === 0 && (
        <Empty>
          <p>{text.none}</p>
        </Empty>
      )}
      <div className="versions">
        {data?.map((version) => (
          <Version key={version.id} version={version} />
        ))}
      </div>
      <LoadMore query={versions} label={text.more} />
    </Page>
  );
}

function Version({ version }: { version: ShownVersionFragment }) {
  const title = text.versionOf(formats.number(version.number));
  const counts = countsOf(version);
  return (
    <article className="version" aria-label={title}>
      <div className="version-head">
        <h2>{title}</h2>
        {version.isServed && <Tag>{text.served}</Tag>}
        <span className="quiet">
          <When at={version.adoptedAt} />
        </span>
      </div>
      <p>{counts || (version.number === 1 ? text.first : text.unchanged)}</p>
      <Changes version={version} />
      <Affected version={version} />
    </article>
  );
}

function Affected({ version }: { version: ShownVersionFragment }) {
  const { tokensAffected, affectedTokens: tokens } = version;
  if (tokensAffected === null) return null;
  if (tokensAffected === 0 && tokens.length === 0) {
    return <p className="quiet">{text.noneAffected}</p>;
  }
  return (
    <>
      <p>
        <strong>{formats.count(tokensAffected, text.affected)}</strong>
      </p>
      {tokens.length > 0 && (
        <p>
          {text.affectedNow}{" "}
          {tokens.map((token, place) => (
            <span key={token.id}>
              {place > 0 && ", "}
              <Link href={paths.token(token.id)}>
                <Isolated>{token.name}</Isolated>
              </Link>
            </span>
          ))}
        </p>
      )}
    </>
  );
}
