import type { Light } from "../format";

export function LightBadge(props: { light: Light }) {
  const { tone, word, symbol } = props.light;
  return (
    <span class={`light ${tone}`}>
      <span aria-hidden="true">{symbol}</span> {word}
    </span>
  );
}
