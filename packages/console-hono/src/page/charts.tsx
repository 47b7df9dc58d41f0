/** @jsxImportSource hono/jsx */
import type { JSX } from "hono/jsx/jsx-runtime";

/** One colour of a chart, from the left or from the bottom. */
export interface Series {
  /** The colour's class in the style sheet. */
  readonly tone: "due" | "delayed" | "leased" | "waiting" | "completed" | "failed" | "dead";
  readonly values: readonly number[];
}

export interface ColumnChartProps {
  /** What somebody reads who does not see the chart. */
  readonly label: string;
  /** Stacked; each has one value per column. */
  readonly series: readonly Series[];
}

const width = 240;
const height = 48;
/** A column that is not nothing can be seen. */
const columnHeightMin = 1.5;

/** Columns over time, the newest at the right. It says what it shows in words, too. */
export function ColumnChart({ label, series }: ColumnChartProps): JSX.Element {
  const count = Math.max(1, ...series.map(({ values }) => values.length));
  const totals = Array.from({ length: count }, (_, index) =>
    series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
  );
  const most = Math.max(1, ...totals);
  const step = width / count;
  const tops = totals.map(() => height);
  const toHeight = (value: number): number =>
    value === 0 ? 0 : Math.max(columnHeightMin, (value / most) * (height - 2));
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line class="chart-base" x1="0" y1={height - 0.5} x2={width} y2={height - 0.5} />
      {series.map(({ tone, values }) =>
        values.map((value, index) => {
          if (value === 0) return null;
          const size = toHeight(value);
          const y = (tops[index] ?? height) - size;
          tops[index] = y;
          return (
            <rect
              class={`tone-${tone}`}
              x={round(index * step)}
              y={round(y)}
              width={round(Math.max(1, step - 1))}
              height={round(size)}
            />
          );
        }),
      )}
    </svg>
  );
}

export interface LineChartProps {
  readonly label: string;
  readonly tone: Series["tone"];
  /** From old to new; the span of time between two of them is told by `at`. */
  readonly points: readonly { readonly at: number; readonly value: number }[];
  /** The time that the width stands for. */
  readonly spanMs: number;
  readonly now: number;
}

/** An area over time, whose points need not be evenly spaced. */
export function LineChart({ label, tone, points, spanMs, now }: LineChartProps): JSX.Element {
  const most = Math.max(1, ...points.map(({ value }) => value));
  const toX = (at: number): number => round(width * (1 - (now - at) / spanMs));
  const toY = (value: number): number => round(height - 1 - (value / most) * (height - 3));
  const line = points.map(({ at, value }) => `${toX(at)} ${toY(value)}`).join("L");
  const [first] = points;
  const last = points.at(-1);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line class="chart-base" x1="0" y1={height - 0.5} x2={width} y2={height - 0.5} />
      {first !== undefined && last !== undefined && (
        <>
          <path
            class={`tone-${tone} chart-area`}
            d={`M${toX(first.at)} ${height}L${line}L${toX(last.at)} ${height}Z`}
          />
          <path class={`tone-${tone} chart-line`} d={`M${line}`} />
          <circle class={`tone-${tone}`} cx={toX(last.at)} cy={toY(last.value)} r="2" />
        </>
      )}
    </svg>
  );
}

export interface ShareBarProps {
  readonly label: string;
  readonly shares: readonly { readonly tone: Series["tone"]; readonly value: number }[];
  /** What the whole width stands for. Default: the sum of the shares. */
  readonly whole?: number;
}

/** One bar that is cut into shares. */
export function ShareBar({ label, shares, whole }: ShareBarProps): JSX.Element {
  const sum = shares.reduce((total, { value }) => total + value, 0);
  const full = Math.max(1, whole ?? sum, sum);
  let x = 0;
  return (
    <svg
      class="share-bar"
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect class="share-ground" x="0" y="0" width="100" height="8" />
      {shares.map(({ tone, value }) => {
        if (value === 0) return null;
        const size = (value / full) * 100;
        const start = x;
        x += size;
        return (
          <rect class={`tone-${tone}`} x={round(start)} y="0" width={round(size)} height="8" />
        );
      })}
    </svg>
  );
}

/** A tenth of a unit is less than anybody sees. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
