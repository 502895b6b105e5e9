/** Names of Sage that are highlighted: what people use most of its thousands. Completion knows all. Pure. */

export const SAGE_WORDS: ReadonlySet<string> = new Set(
  `AA CC CDF CIF GF ICRDF Integer Integers Mod NN QQ QQbar QuadraticField RDF RIF RR Rational RealField ComplexField Zmod
  ZZ Zp Qp SR FiniteField NumberField CyclotomicField PolynomialRing PowerSeriesRing LaurentPolynomialRing FunctionField
  FractionField Ideal InfinitePolynomialRing MatrixSpace VectorSpace FreeModule EllipticCurve HyperellipticCurve Curve
  AffineSpace ProjectiveSpace Graph DiGraph graphs digraphs Poset posets Partition Partitions Permutation Permutations
  Composition Compositions Combinations Subsets Tuples Word Words WeylGroup RootSystem CartanType SymmetricGroup
  AlternatingGroup CyclicPermutationGroup DihedralGroup AbelianGroup PermutationGroup FreeGroup GL SL Sp SO SU
  SymmetricFunctions Tableau Tableaux StandardTableaux SemistandardTableaux Polyhedron polytopes Cone Fan
  LatticePolytope ModularForms CuspForms ModularSymbols DirichletGroup Gamma0 Gamma1 Knot Knots Link Braid BraidGroup
  SimplicialComplex ChainComplex Manifold MixedIntegerLinearProgram SAT CremonaDatabase OEIS oeis Set Sequence
  var function assume forget assumptions solve find_root roots diff derivative integrate integral numerical_integral
  limit lim taylor series sum product factor expand simplify full_simplify simplify_full subs desolve desolve_system
  desolve_odeint laplace inverse_laplace erf gamma zeta beta bessel_J bessel_Y airy_ai elliptic_e hypergeometric
  sin cos tan cot sec csc arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh exp log ln sqrt
  floor ceil binomial factorial fibonacci catalan_number bell_number stirling_number1 stirling_number2 bernoulli euler_phi
  euler_number moebius sigma divisors prime_divisors is_prime is_prime_power next_prime previous_prime nth_prime primes
  prime_range prime_pi random_prime prime_powers gcd lcm xgcd crt CRT inverse_mod power_mod mod kronecker legendre_symbol
  primitive_root continued_fraction squarefree_part is_square is_squarefree radical valuation
  matrix vector identity_matrix zero_matrix ones_matrix random_matrix diagonal_matrix block_matrix column_matrix
  block_diagonal_matrix companion_matrix jordan_block hilbert_matrix vandermonde zero_vector random_vector span
  plot plot3d parametric_plot parametric_plot3d implicit_plot implicit_plot3d contour_plot density_plot region_plot
  polar_plot complex_plot matrix_plot list_plot list_plot3d scatter_plot point point2d point3d points line line2d line3d
  circle ellipse arc arrow arrow2d polygon polygon2d text text3d disk sphere cube cylinder animate graphics_array
  Graphics Graphics3d plot_vector_field plot_slope_field streamline_plot bar_chart histogram show view latex pretty_print
  html interact slider selector checkbox input_box range_slider srange xsrange ellipsis_range search_doc search_src
  timeit cython load attach save sage_eval preparse lazy_import cached_function cached_method parallel fork
  pi e I i oo infinity NaN euler_gamma golden_ratio catalan khinchin x
  randint random seed set_random_seed hold numerical_approx n N RealNumber ComplexNumber Infinity
  gp gap maxima singular magma mathematica maple octave r macaulay2 pari libgap sympy giac`
    .split(/\s+/)
    .filter((word) => word.length > 1),
);
