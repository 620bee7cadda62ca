// What of Apache ECharts the report draws with; `make setup` bundles it (Makefile, target echarts.js).
import {use} from "echarts/core";
import {BarChart, CustomChart, LineChart, SankeyChart, SunburstChart} from "echarts/charts";
import {GridComponent, TooltipComponent} from "echarts/components";
import {SVGRenderer} from "echarts/renderers";

use([BarChart, CustomChart, LineChart, SankeyChart, SunburstChart, GridComponent, TooltipComponent, SVGRenderer]);
export {init} from "echarts/core";
