// Grafana's own types, put together for a dashboard of stats and time series. test_grafana.py
// appends the JSON, so that the compiler refuses what the schema does not know.
import type { AnnotationQuery, Dashboard, FieldConfig, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type { Options as StatOptions } from "./node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";

// JSON holds the values of enums, for which TypeScript wants their names.
type Json<T> = T extends string ? `${T}`
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;
// What plugins define by themselves: Prometheus its queries and marks.
type Query = {
  refId: string;
  datasource: { type: string; uid: string };
  expr: string;
  legendFormat: string;
  instant?: boolean;
  range?: boolean;
};
type Mark = AnnotationQuery & { expr: string; useValueForTime: boolean; titleFormat: string };
type Fields<Custom> = { defaults: Omit<FieldConfig, "custom"> & { custom?: Custom }; overrides: [] };
type Shared = Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> & { targets: Query[] };
type Stat = Shared & { type: "stat"; options: Partial<StatOptions>; fieldConfig: Fields<never> };
type Lines = Shared & { type: "timeseries"; fieldConfig: Fields<GraphFieldConfig> };
type Row = Omit<RowPanel, "type"> & { type: "row" };
type Whole = Omit<Dashboard, "panels" | "annotations"> & {
  panels: (Stat | Lines | Row)[];
  annotations: { list: Mark[] };
};

export const dashboard: Json<Whole> =
