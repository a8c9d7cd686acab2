// Who is signed in, what is shown, and the one live stream for all views.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api } from "./api";
import type { Identity, LogMessage, Status } from "./api";
import { Banner } from "./parts/banner";
import { openStream } from "./stream";
import type { Link } from "./stream";
import { LineView } from "./views/line";
import { SignIn } from "./views/signin";
import { UnitView } from "./views/unit";
import { UnitsView } from "./views/units";

const LOG_LINES = 200;

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  return hash;
}

// A one-time sign-in stands in the fragment, which is never sent to a server
// or written to its log; it leaves the address bar at once.
async function signInFromAddress(): Promise<void> {
  const found = /^#signin=([0-9a-f]+)$/.exec(location.hash);
  if (!found?.[1]) return;
  history.replaceState(null, "", "#/line");
  window.dispatchEvent(new HashChangeEvent("hashchange"));
  await api.signIn(found[1]);
}

function useIdentity(hash: string) {
  const [me, setMe] = useState<Identity | null>(null);
  // Signing in takes the token out of the address, which is a change of hash
  // too: that must not ask who is signed in before anybody is.
  const asked = useRef(false);
  const [answered, setAnswered] = useState(false);
  const [error, setError] = useState("");

  useEffect(() => {
    if (asked.current && !hash.startsWith("#signin=")) return;
    asked.current = true;
    signInFromAddress()
      .then(api.whoAmI)
      .then((who) => {
        setMe(who);
        setError("");
      })
      .catch((e: unknown) => {
        setMe(null);
        const nobody = e instanceof ApiError && e.code === "unauthorised";
        setError(nobody ? (e as Error).message : String(e));
      })
      .finally(() => setAnswered(true));
  }, [hash]);
  return { me, answered, error, forget: () => setMe(null) };
}

function useLive(enabled: boolean) {
  const [status, setStatus] = useState<Status | null>(null);
  const [link, setLink] = useState<Link>("connecting");
  const [log, setLog] = useState<LogMessage[]>([]);

  useEffect(() => {
    if (!enabled) return;
    return openStream({
      status: setStatus,
      link: setLink,
      log: (message) => setLog((lines) => [...lines.slice(1 - LOG_LINES), message]),
    });
  }, [enabled]);
  return { status, link, log };
}

function View(props: { hash: string; status: Status | null; log: LogMessage[] }) {
  const unit = /^#\/units\/([A-Za-z0-9._-]+)$/.exec(props.hash);
  if (unit?.[1]) return <UnitView uid={unit[1]} />;
  if (props.hash === "#/units") return <UnitsView lots={props.status?.lots ?? []} />;
  if (!props.status) return <p class="quiet">Waiting for the controller…</p>;
  return <LineView status={props.status} log={props.log} />;
}

const PAGES = [
  { hash: "#/line", name: "Line" },
  { hash: "#/units", name: "Units" },
];

function Top(props: { hash: string; me: Identity; onSignOut: () => void }) {
  return (
    <header class="top">
      <strong class="brand">Provline</strong>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <a
            href={page.hash}
            aria-current={props.hash.startsWith(page.hash) ? "page" : undefined}
          >
            {page.name}
          </a>
        ))}
      </nav>
      <span class="who">
        {props.me.name} <span class="quiet">({props.me.role})</span>
      </span>
      <button type="button" onClick={props.onSignOut}>
        Sign out
      </button>
    </header>
  );
}

export function App() {
  const hash = useHash() || "#/line";
  const { me, answered, error, forget } = useIdentity(hash);
  const live = useLive(me !== null);

  if (!answered) return <p class="quiet centre">Signing in…</p>;
  if (!me) return <SignIn reason={error} />;
  return (
    <>
      <Top hash={hash} me={me} onSignOut={() => api.signOut().finally(forget)} />
      {live.link === "lost" && (
        <Banner tone="bad" title="Connection lost">
          What you see may be old. Trying to reach the controller again…
        </Banner>
      )}
      {live.status?.alarms.map((alarm) => (
        <Banner tone="warn" title="Attention" key={alarm.code}>
          {alarm.text}
        </Banner>
      ))}
      <main class={live.link === "lost" ? "stale" : ""}>
        <View hash={hash} status={live.status} log={live.log} />
      </main>
    </>
  );
}
