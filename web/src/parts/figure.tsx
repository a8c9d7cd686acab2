// One number, readable from two metres.
export function Figure(props: { name: string; value: string; note?: string; wide?: boolean }) {
  return (
    <div class={props.wide ? "figure wide" : "figure"}>
      <div class="name">{props.name}</div>
      <div class="value">{props.value}</div>
      <div class="note">{props.note ?? ""}</div>
    </div>
  );
}
