import type { Card, Harness, Station } from "../api";
import { clock, harnessLight, stationLight, stepName } from "../format";
import { LightBadge } from "./light";

function HarnessCard(props: { harness: Harness }) {
  const h = props.harness;
  const light = harnessLight(h.state);
  return (
    <li class={`harness ${light.tone}`} data-harness={h.harness}>
      <div class="row">
        <b>{h.harness}</b>
        <LightBadge light={light} />
      </div>
      <div class="step">{h.state === "busy" ? stepName(h.step) : h.note || " "}</div>
      {h.state === "busy" && <progress max={100} value={h.percent} aria-label="of the step" />}
      <div class="quiet small">
        {h.board_serial || h.uid || (h.assigned_lot && `lot ${h.assigned_lot}`) || " "}
      </div>
    </li>
  );
}

const LOW_SHARE = 0.1;

function CardLine(props: { card: Card }) {
  const { card } = props;
  const low = card.maximum > 0 && card.counter < card.maximum * LOW_SHARE;
  return (
    <div class={low ? "card-line low" : "card-line"}>
      SFI card {card.card_serial}: <b>{card.counter}</b> of {card.maximum} installs left
      {low && " — change it soon"}
      {card.state !== "operational" && ` — ${card.state}`}
    </div>
  );
}

export function StationCard(props: { station: Station }) {
  const st = props.station;
  const offline = st.state === "offline";
  return (
    <section class={`station ${offline ? "off" : ""}`} data-station={st.station}>
      <div class="row">
        <h3>{st.station}</h3>
        <LightBadge light={stationLight(st.state)} />
      </div>
      {offline && (
        <p class="plain">
          Not connected since {clock(st.last_seen)}. What it shows below is its last word.
        </p>
      )}
      {st.spooled > 0 && <p class="plain">{st.spooled} results wait at the station.</p>}
      <ul class="harnesses">
        {st.harnesses.map((h) => (
          <HarnessCard harness={h} key={h.harness} />
        ))}
      </ul>
      {st.cards.map((card) => (
        <CardLine card={card} key={card.card_serial} />
      ))}
    </section>
  );
}
