/** VitePress's own theme, with the colors of the program's reports. */

import theme from 'vitepress/theme';
import './style.css';

export default theme;
